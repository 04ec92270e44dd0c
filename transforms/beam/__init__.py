"""What the Beam faces share: coders, elements, stored files, progress. Nothing else but the faces knows Beam."""
