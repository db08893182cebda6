import sys

from defi_analytics.cli.main import main

sys.exit(main())
