"""Are the figures right, what are they sensitive to, and what does the segmentation score mean?"""
