"""Configuration files, importable as `gan.conf`: Hydra finds a package only if this file is in its folder."""
