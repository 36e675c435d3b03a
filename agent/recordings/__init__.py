"""What our perception makes of real recordings, beside what others make of them."""
