// Abort, Asynchronous Event Request and Keep Alive (NVMe base 2.0 5.1, 5.2, 5.18).
#include "nvme/administration.h"
#include "nvme/domain.h"
#include "nvme/handlers.h"

namespace ashlar::nvme {

void abort_command(Handling handling) {
  const auto queue_id = static_cast<uint16_t>(handling.entry().word(10) & 0xffff);
  const auto command_id = static_cast<uint16_t>(handling.entry().word(10) >> 16);
  Queue& queue = handling.queue();
  handling.wait();
  const auto held = queue.administration()->hold_answer(handling.command());
  auto answer = [held](uint32_t result) {
    if (held->command == nullptr || !Handling(*held->command).waiting()) return;
    Handling(*held->command).go_on();
    Handling(*held->command).good(result);
  };
  queue.domain().abort(queue.shared_controller(), queue_id, command_id, std::move(answer));
}

void asynchronous_event_request(Handling handling) {
  if (!handling.queue().administration()->hold(handling.command()))
    handling.fail(Status::event_limit_exceeded);
}

// Every command keeps the controller alive, this one too.
void keep_alive(Handling handling) {
  if (handling.queue().administration()->keep_alive_milliseconds() == 0)
    return handling.fail(Status::keep_alive_invalid);
  handling.good();
}

}  // namespace ashlar::nvme
