//! Placeholder root; replaced in the first commit.
