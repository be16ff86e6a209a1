"""A controller that tries to crash the robot against the safety gate, closed loop, faster than real time.

`world` is the compiled flat world, `setups` the sites and rule sets, `scenes` draws what stands and walks around,
`episode` closes the loop over the whole `GateCore`, `tactics` and `search` drive it, `table` keeps and tells.
"""
