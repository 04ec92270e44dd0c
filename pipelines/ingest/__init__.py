"""The main job: find exports, plan, build the graph, run it, publish."""
