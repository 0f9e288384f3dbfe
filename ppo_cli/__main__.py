"""``python -m ppo_cli`` is ``ppo``."""

from ppo_cli.cli import main

if __name__ == "__main__":
    main()
