"""What usage costs and what is left: money, usage units, price book, cost engine, revenue, margin. Pure throughout."""
