"""How services reach one another: calls, published messages, and nothing a case would notice."""
