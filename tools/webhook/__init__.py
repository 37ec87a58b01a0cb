"""A webhook of one's own: signed JSON by POST."""
