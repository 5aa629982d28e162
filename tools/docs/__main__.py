"""Write the reference pages and pictures from the code."""

from tools.docs.generate import main

main()
