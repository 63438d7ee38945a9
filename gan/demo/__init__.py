"""The web pages of `gan demo` and `gan watch`: a local server, its routes, and the data that they show.

Built on werkzeug, which comes with TensorBoard. It works without an internet connection and sends nothing anywhere.
"""
