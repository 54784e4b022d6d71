"""The gauge of a reservoir or a river: level, rate of rise, rain, flood alarm levels."""
