"""A report of the least: the files that `render_page` wants of a package."""
