// Abort, Asynchronous Event Request and Keep Alive (NVMe base 2.0 5.1, 5.2, 5.18).
#include "nvme/administration.h"
#include "nvme/domain.h"
#include "nvme/handlers.h"

namespace ashlar::nvme {

void abort_command(Handling handling) {
  const auto queue_id = static_cast<uint16_t>(handling.entry().word(10) & 0xffff);
  const auto command_id = static_cast<uint16_t>(handling.entry().word(10) >> 16);
  Queue& queue = handling.queue();
  // An answer of another shard may come when the queue is gone: the command is then looked for in vain.
  handling.wait();
  const std::weak_ptr<Controller> controller = queue.shared_controller();
  const uint16_t own_id = handling.entry().command_id();
  auto answer = [&queue, controller, own_id](uint32_t result) {
    const std::shared_ptr<Controller> still = controller.lock();
    if (still == nullptr || still->ended.load()) return;
    Command* command = queue.find_command(own_id);
    if (command == nullptr || !Handling(*command).waiting()) return;
    Handling(*command).go_on();
    Handling(*command).good(result);
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
