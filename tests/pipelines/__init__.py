"""Tests of pipelines: jobs, imports, the command line and the processes it starts."""
