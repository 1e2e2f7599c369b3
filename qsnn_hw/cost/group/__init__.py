"""What each file of ``rtl/group`` takes."""
