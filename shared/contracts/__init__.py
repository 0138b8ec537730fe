"""Commands, queries, results and published messages, as types; generated schemas beside them."""
