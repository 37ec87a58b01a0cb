"""Pictures drawn on the server as SVG: no script, no inline style, words for those who do not see them."""
