"""``python -m cromicle_magic`` is the command ``cromicle``."""

from cromicle_magic.cli import main

raise SystemExit(main())
