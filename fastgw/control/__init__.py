"""The control process: ops listener."""
