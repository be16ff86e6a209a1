"""One configuration for every log and robot of a kind: planar LiDAR of tens of metres' range, walls, poor odometry."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MappingParameters:
    """Lengths in metres, angles in radians. Defaults are those of the benchmark; nothing is tuned per log."""

    # Scan
    range_min_m: float = 0.1  # nearer returns are the robot or dirt
    range_max_m: float = 40.0  # farther returns say nothing, "no return" among them
    gap_m: float = 0.4  # neighbouring returns nearer than this are one surface, drawn as a line in the map
    straight_gap_m: float = 2.0  # as far apart, if they go on straight: a wall seen at a flat angle
    straight_rad: float = 0.1
    spacing_m: float = 0.05  # of the points along such a line

    # Likelihood field and matching
    fine_cell_m: float = 0.05
    fine_sigma_m: float = 0.08
    coarse_cell_m: float = 0.10
    coarse_sigma_m: float = 0.25
    point_sigma_m: float = 0.10  # of one return against the map, correlation between neighbours included
    near_score: float = 0.6  # mean of the fine field at the predicted pose, above which no coarse step is needed
    least_score: float = 0.5  # mean of the fine field, below which a match is not believed
    odometry_search_from_m: float = 0.15  # with a larger window a match below `near_score` is searched for
    odometry_search_every: int = 5  # scans, while they do not fit the rolling map
    least_points: int = 30
    most_points: int = 360  # of a scan that are matched; denser scans are thinned evenly

    # Odometry between scans: sigmas are `still + rate * moved`
    odometry_still_m: float = 0.01
    odometry_still_rad: float = 0.01
    odometry_m_per_m: float = 0.2
    odometry_rad_per_rad: float = 0.2
    odometry_rad_per_m: float = 0.1

    # Keyframes and the rolling map
    keyframe_m: float = 0.25
    keyframe_rad: float = 0.25
    rolling_keyframes: int = 24
    redraw_keyframes: int = 6  # the rolling map is drawn anew once in so many; in between it is added to

    # Loop closure
    submap_keyframes: int = 16  # a submap is so many consecutive keyframes; the next begins half-way
    query_keyframes: int = 6  # the last so many keyframes together are looked for in a submap
    query_cell_m: float = 0.1  # they are thinned to one point a cell
    closure_every: int = 3  # keyframes between attempts
    closures_at_once: int = 2  # submaps tried in one attempt
    closure_reach_m: float = 10.0  # a submap is considered when a keyframe of it may lie so near
    considered: int = 24  # submaps, the nearest
    sketch_cell_m: float = 0.5  # of the sketch that tells how much of a submap is in view
    least_overlap: float = 0.35  # part of the points that must lie in what a submap has seen
    drift_m: float = (
        0.05  # doubt about where a submap lies: `drift_m + drift_m_per_m * path`, the path through the graph
    )
    drift_m_per_m: float = 0.015
    drift_rad: float = 0.02
    drift_rad_per_m: float = 0.001
    window_sigmas: float = 3.0
    window_most_m: float = 20.0
    window_most_rad: float = 0.6
    search_from_m: float = 0.3  # with less doubt the predicted pose is refined; with more the window is searched
    search_cell_m: float = 0.2  # points are thinned to this for the search
    search_score: float = 0.45  # of all points in the coarse field; part of them may lie where a submap saw nothing
    closure_score: float = 0.6  # of the points in what a submap has seen, in the fine field
    tried_again_after: int = 12  # keyframes; until then a submap that did not match stands behind others
    other_place_m: float = 0.5  # places farther than this from a closure that was searched for make it ambiguous
    other_place_score: float = 0.015  # by how much less they score
    closure_sigma_m: float = 0.02
    closure_sigma_rad: float = 0.005
    edge_sigma_m: float = 0.01
    edge_sigma_rad: float = 0.003
    switch_chi2: float = 9.0  # closures that contradict the rest by more lose their pull
    contradicted_chi2: float = 50.0  # and are dropped when it is so much
    agree_m: float = 0.2  # closures after a long way round must agree with each other so well
    agree_rad: float = 0.05
    agreeing: int = 4  # and be so many
    pending: int = 16  # of the last so many candidates
    optimise_every: int = 10  # keyframes, when nothing urges
    optimise_share: float = 0.01  # or such a part of all keyframes, so that the work grows no faster than the map
    most_keyframes: int = 20_000  # the oldest are forgotten; about 15 kB each

    # Localisation in a prior map
    start_sigma_m: float = 0.1  # a start pose is never taken as better known
    start_sigma_rad: float = 0.05
    follow_from_m: float = 0.25  # with more doubt a window is searched before refining
    follow_from_rad: float = 0.15
    follow_most_m: float = 8.0  # the largest window while a pose is followed, in a prior map or the rolling one
    follow_score: float = 0.4  # a scan of a followed pose fits; people and new furniture fit no map
    lost_after: int = 5  # scans in a row that do not fit
    recover_score: float = 0.6  # what a found place must score
    sure_score: float = 0.9  # so good a place is believed before the widest window has been searched
    found_after: int = 5  # scans in a row that fit at the found place
    search_every: int = 5  # scans between searches while lost
    lost_window_m: float = 2.0  # first window when lost; half as much more after each search without result
    lost_window_rad: float = 0.5
    lost_most_m: float = 15.0
    wide_cell_m: float = 0.2
    wide_sigma_m: float = 0.3
    wide_thin_m: float = 0.4
