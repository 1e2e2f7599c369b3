"""What each file of ``rtl/io`` takes."""
