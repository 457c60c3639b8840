"""`python -m imtrans`: the command line."""

from imtrans.commands.main import main

if __name__ == "__main__":
  main()
