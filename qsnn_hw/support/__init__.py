"""What every other part stands on: files, fields, records, errors, progress, shipped folders."""
