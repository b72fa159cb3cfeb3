"""Tests of the pages: formats, figures, and every page run by Streamlit's own test driver."""
