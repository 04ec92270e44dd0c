"""Scenes: lidar with several sensors, videos in frames or in one file."""

from random import Random

from kind_records.values import Json, Record, camera, metadata


def frame(name: str, rng: Random, *, kind: str) -> Json:
    """An item in a frame."""
    return {
        "metadata": {"ticks": rng.randrange(10**6), "speed": rng.random() * 30, "dark": rng.randrange(3) == 0},
        "reference_id": name,
        "url": f"s3://scans-example/drive/{name}.{'json' if kind == 'pointcloud' else 'jpg'}",
        "type": kind,
    }


def lidar(index: int, rng: Random) -> Record:
    """A lidar scene of ten frames with two sensors."""
    frames: list[Json] = [
        {
            "top": frame(f"d{index}_{n}_top", rng, kind="pointcloud"),
            "front": frame(f"d{index}_{n}_front", rng, kind="image"),
        }
        for n in range(10)
    ]
    return {"reference_id": f"drive-{index:08d}", "frames": frames, "metadata": metadata(rng)}


def calibrated(index: int, rng: Random) -> Record:
    """A lidar scene whose images have parameters of the camera."""
    record = lidar(index, rng)
    frames = record["frames"]
    for frame in frames if isinstance(frames, list) else ():
        front = frame["front"] if isinstance(frame, dict) else None
        if isinstance(front, dict) and isinstance(front["metadata"], dict):
            front["camera_params"] = camera(rng)
            front["metadata"]["camera_params"] = front["camera_params"]
    return record


def video(index: int, rng: Random, *, frames: int = 20) -> Record:
    """A video in frames."""
    return {
        "reference_id": f"drive-{index:08d}",
        "frame_rate": 15,
        "metadata": metadata(rng),
        "upload_to_scale": True,
        "frames": [frame(f"v{index}_{n:04d}", rng, kind="image") for n in range(frames)],
    }


def faulty_frames(index: int, rng: Random) -> Record:
    """A video of which one frame in ten is rejected."""
    record = video(index, rng)
    frames = record["frames"]
    for frame in frames[::10] if isinstance(frames, list) else ():
        if isinstance(frame, dict):
            frame["url"] = "ftp://scans-example/frame.jpg"
    return record


def one_file_video(index: int, rng: Random) -> Record:
    """A video in one file."""
    record = video(index, rng)
    del record["frames"]
    return {**record, "video_url": f"s3://scans-example/drive/{index:08d}.mp4"}
