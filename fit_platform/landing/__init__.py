"""The landing zone: provider answers, verbatim, in a folder or a bucket. See `layout`, `envelope`, `store`."""
