"""What each file of ``rtl/stream`` takes."""
