"""Who is asked about a client before the firm deals with them, what was answered, and until when that holds."""
