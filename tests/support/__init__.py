"""What several kinds of test share: real processes to test against."""
