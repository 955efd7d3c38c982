"""The dashboard as a person sees it: run by `make test-ui`, in a headless Chromium."""
