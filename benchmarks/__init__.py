"""What the README says about speed and about chance, measured; nothing here is part of the package."""
