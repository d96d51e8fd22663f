"""Task management that really ends commands: nothing is answered, nor written, after the function is told complete."""
from case import Case
from support import array, initiator

COMPLETE, NO_SUCH_TASK = 0, 1
DEPTH, SLOTS = 32, 64


class TaskManagementTest(Case):
    def serve_one(self):
        return self.serve(array.document_of([array.file_volume("v1", "v1.img", size=64 * array.MIB)]))

    def ready(self, served):
        """A session without unit attentions."""
        session = self.session(served)
        self.assertEqual(session.run(initiator.TEST_UNIT_READY)[0], initiator.GOOD)
        return session

    def collect(self, session, until):
        """What comes before the answer to `until`: (tags answered, its response)."""
        answered = []
        while True:
            pdu = session.receive()
            if pdu.opcode == initiator.TASK_MANAGEMENT_RESPONSE:
                self.assertEqual(pdu.tag, until)
                return answered, pdu.header[2]
            self.assertEqual(pdu.opcode, initiator.SCSI_RESPONSE)
            answered.append(pdu.tag)

    def reset_under_load(self, function):
        """Writes in flight, then the function. Ended commands are not answered later, and the session works on."""
        served = self.serve_one()
        session, other = self.ready(served), self.ready(served)
        for attempt in range(20):
            sent = [session.command(initiator.write_16(8 * slot, 8), write=bytes([attempt]) * 4096) for slot in range(DEPTH)]
            answered, response = self.collect(session, session.manage(function))
            self.assertEqual(response, COMPLETE)
            self.assertLessEqual(set(answered), set(sent))
            # The next answer has to be that of the next command: nothing of the past comes after it.
            status, _ = session.run(initiator.TEST_UNIT_READY)
            self.assertEqual(status, initiator.GOOD)
            for slot in range(DEPTH):
                if sent[slot] in answered:
                    self.assertEqual(session.run(initiator.read_16(8 * slot, 8), read=4096)[1], bytes([attempt]) * 4096)
        return other

    def test_lun_reset(self):
        other = self.reset_under_load(initiator.LUN_RESET)
        other.command(initiator.TEST_UNIT_READY)
        _, status, sense = other.answer()
        self.assertEqual((status, initiator.sense_of(sense)[:2]), (initiator.CHECK_CONDITION, (6, 0x29)),
                         "the other session is told that the unit was reset")

    def test_abort_task_set(self):
        other = self.reset_under_load(initiator.ABORT_TASK_SET)
        other.command(initiator.TEST_UNIT_READY)
        self.assertEqual(other.answer()[1], initiator.GOOD, "it is nobody else's business")

    def test_clear_task_set(self):
        self.reset_under_load(initiator.CLEAR_TASK_SET)

    def test_abort_task(self):
        session = self.ready(self.serve_one())
        for _ in range(20):
            sent = [session.command(initiator.write_16(8 * slot, 8), write=bytes(4096)) for slot in range(DEPTH)]
            last_sn = session.cmd_sn - 1
            answered, response = self.collect(session, session.manage(initiator.ABORT_TASK, referenced_tag=sent[-1],
                                                                      referenced_sn=last_sn))
            # RFC 7143 11.6.1: it was aborted and is not answered, or it was answered before and is no task any more.
            self.assertEqual(response, NO_SUCH_TASK if sent[-1] in answered else COMPLETE)
            for _ in range(len(sent) - len(answered) - (response == COMPLETE)):
                answered.append(session.answer()[0])
            self.assertEqual(sorted(answered), sent[:-1] if response == COMPLETE else sent)

    def test_abort_of_nothing(self):
        session = self.ready(self.serve_one())
        _, response = self.collect(session, session.manage(initiator.ABORT_TASK, referenced_tag=0x7777,
                                                           referenced_sn=session.cmd_sn - 1))
        self.assertEqual(response, NO_SUCH_TASK)

    def park(self, session, block, blocks, fill):
        """A write whose CmdSN is one ahead of its turn: (its tag, its CmdSN)."""
        session.cmd_sn += 1
        sequence = session.cmd_sn
        tag = session.command(initiator.write_16(block, blocks), write=bytes([fill]) * 512 * blocks)
        session.cmd_sn = sequence - 1
        return tag, sequence

    def test_abort_before_its_turn(self):
        """A write that came early and is aborted leaves no gap in the numbers, and nothing of its data anywhere."""
        session = self.ready(self.serve_one())
        early, sequence = self.park(session, 0, 8, 0xEE)
        session.cmd_sn += 1
        later, _ = self.park(session, 64, 64, 0x5A)
        session.cmd_sn -= 1
        self.assertEqual(self.collect(session, session.manage(initiator.ABORT_TASK, referenced_tag=early,
                                                              referenced_sn=sequence)), ([], COMPLETE))
        missing = session.command(initiator.TEST_UNIT_READY)
        self.assertEqual({session.answer()[:2], session.answer()[:2]},
                         {(missing, initiator.GOOD), (later, initiator.GOOD)})
        session.cmd_sn += 2
        self.assertEqual(session.run(initiator.read_16(64, 64), read=32768)[1], b"\x5a" * 32768)
        self.assertEqual(session.run(initiator.read_16(0, 8), read=4096)[1], bytes(4096))

    def test_memory_of_an_aborted_write_is_not_another_ones(self):
        """The next early write takes the same memory, and is larger."""
        session = self.ready(self.serve_one())
        early, sequence = self.park(session, 0, 8, 0xEE)
        self.collect(session, session.manage(initiator.ABORT_TASK, referenced_tag=early, referenced_sn=sequence))
        session.cmd_sn += 1
        later, _ = self.park(session, 64, 64, 0x5A)
        session.cmd_sn -= 1
        session.command(initiator.TEST_UNIT_READY)
        self.assertEqual([session.answer()[1], session.answer()[1]], [initiator.GOOD, initiator.GOOD])
        session.cmd_sn += 2
        self.assertEqual(session.run(initiator.read_16(64, 64), read=32768)[1], b"\x5a" * 32768)

    def test_a_number_taken_twice(self):
        """The second command of a CmdSN is dropped silently, also while the first waits for its turn (RFC 7143 4.2.2.1)."""
        session = self.ready(self.serve_one())
        first, _ = self.park(session, 0, 8, 0x11)
        self.park(session, 0, 8, 0x22)
        missing = session.command(initiator.TEST_UNIT_READY)
        self.assertEqual({session.answer()[0], session.answer()[0]}, {first, missing})
        session.cmd_sn += 1
        self.assertEqual(session.run(initiator.read_16(0, 8), read=4096)[1], b"\x11" * 4096)

    def test_early_across_the_wrap(self):
        """CmdSN 0 waits for 0xffffffff."""
        served = self.serve_one()
        where = served.document["portals"][0]
        session = initiator.Session(where["address"], where["port"])
        self.addCleanup(session.close)
        session.cmd_sn = 0xFFFFFFFD
        session.login(served.document["targets"][0]["name"])
        session.command(initiator.TEST_UNIT_READY)
        session.answer()
        session.command(initiator.TEST_UNIT_READY)
        session.answer()
        session.cmd_sn = 0
        early = session.command(initiator.TEST_UNIT_READY)
        session.cmd_sn = 0xFFFFFFFF
        missing = session.command(initiator.TEST_UNIT_READY)
        self.assertEqual({session.answer()[0], session.answer()[0]}, {early, missing})

    def test_resets_of_the_target(self):
        """A warm reset keeps sessions; a cold one may end them: they can come back at once."""
        served = self.serve_one()
        session = self.ready(served)
        _, response = self.collect(session, session.manage(initiator.WARM_RESET))
        self.assertEqual(response, COMPLETE)
        self.assertEqual(session.run(initiator.TEST_UNIT_READY)[0], initiator.GOOD)
        try:
            self.collect(session, session.manage(initiator.COLD_RESET))
        except initiator.Closed:
            pass
        self.assertEqual(self.ready(served).run(initiator.TEST_UNIT_READY)[0], initiator.GOOD)
