from train.scoring.processes import join_processes


def test_a_process_that_nobody_launched_is_alone_and_waits_for_nobody() -> None:
    with join_processes({}) as processes:
        assert (processes.rank, processes.world, processes.is_first) == (0, 1, True)
        processes.wait_for_all()


def test_a_world_of_one_needs_no_rendezvous() -> None:
    with join_processes({"RANK": "0", "WORLD_SIZE": "1"}) as processes:
        assert processes.world == 1
