"""The documentation as the tests read it: pages, their blocks and tables, and a desk to try them on."""
