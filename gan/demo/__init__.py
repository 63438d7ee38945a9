"""The pages of `gan demo` and `gan watch`: a server on this machine alone, its routes, and what they show.

On werkzeug, which comes with TensorBoard: it works without a network and tells nobody anything.
"""
