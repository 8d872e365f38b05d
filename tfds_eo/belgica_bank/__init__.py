"""The two published sets of Belgica Bank: what their files share."""
