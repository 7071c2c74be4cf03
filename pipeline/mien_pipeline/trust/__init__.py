"""What every picture passes on its way in and carries on its way out."""
