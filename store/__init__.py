"""What is remembered: Postgres, the lake of usage and the warehouse; the one room that speaks SQL to a database."""
