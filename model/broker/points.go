package broker

// PointElect is before an election that a Controller holds.
const PointElect = "elect"
