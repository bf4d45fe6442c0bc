"""Edge: bronze, silver and gold as Delta tables, and the queries over them."""
