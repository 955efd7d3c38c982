"""What the command line does, behind `cli.py`: demo, doctor, status, the UI, and how all of it speaks to a terminal."""
