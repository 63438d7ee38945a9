"""The pages of `gan demo` and `gan watch`: a server on this machine alone, its routes, and what they show.

On the standard library's http.server, without a dependency: it works without a network and tells nobody anything.
"""
