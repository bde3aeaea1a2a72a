#include "tests/support/http/websocket_client.h"

namespace strandline::tests {

unsigned WebSocketClient::Frame::code() const {
  if (payload.size() < 2) return 0;
  return static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
}

WebSocketClient::WebSocketClient(Address address, const std::string& target, const Headers& headers)
    : client_(std::move(address)) {
  Headers all = {{"Upgrade", "websocket"},
                 {"Connection", "Upgrade"},
                 {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                 {"Sec-WebSocket-Version", "13"}};
  all.insert(all.end(), headers.begin(), headers.end());
  client_.write(HttpClient::request("GET", target, {}, all));
  answer_ = client_.read_response();
}

std::string WebSocketClient::frame(unsigned opcode, std::string_view payload, bool last,
                                   bool masked) {
  std::string out;
  out += static_cast<char>((last ? 0x80 : 0) | opcode);
  const int mask = masked ? 0x80 : 0;
  const size_t size = payload.size();
  const auto put = [&](int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(size >> (8 * i));
  };
  if (size < 126) {
    out += static_cast<char>(mask | static_cast<int>(size));
  } else if (size <= 0xffff) {
    out += static_cast<char>(mask | 126);
    put(2);
  } else {
    out += static_cast<char>(mask | 127);
    put(8);
  }
  if (!masked) return out.append(payload);
  constexpr char kMask[4] = {0x12, 0x34, 0x56, 0x78};
  out.append(kMask, 4);
  for (size_t i = 0; i < size; ++i) out += static_cast<char>(payload[i] ^ kMask[i % 4]);
  return out;
}

std::optional<WebSocketClient::Frame> WebSocketClient::next(std::chrono::milliseconds deadline) {
  std::string& input = client_.input_;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(input[i]); };
  while (true) {
    size_t head = 2, size = 0;
    bool whole = input.size() >= 2;
    if (whole) {
      size = byte(1) & 0x7f;
      const size_t longer = size == 126 ? 2 : size == 127 ? 8 : 0;
      head += longer;
      whole = input.size() >= head;
      if (whole && longer > 0) {
        size = 0;
        for (size_t i = 0; i < longer; ++i) size = size << 8 | byte(2 + i);
      }
      whole = whole && input.size() >= head + size;
    }
    if (whole) {
      Frame frame{.opcode = byte(0) & 15u, .payload = input.substr(head, size)};
      input.erase(0, head + size);
      return frame;
    }
    if (!client_.fill(deadline)) return std::nullopt;
  }
}

Json WebSocketClient::message(std::chrono::milliseconds deadline) {
  while (true) {
    const auto frame = next(deadline);
    if (!frame) throw ConnectionLost("the connection ended");
    if (frame->opcode == text) return Json::parse(frame->payload);
    if (frame->opcode == ping) write(WebSocketClient::frame(pong, frame->payload));
    if (frame->opcode == close) {
      throw ConnectionLost("closed with " + std::to_string(frame->code()));
    }
  }
}

Json WebSocketClient::message(const std::string& op) {
  while (true) {
    Json one = message();
    if ((one.has("op") && one["op"].str() == op) ||
        (!one.has("op") && one.has("event") && one["event"].str() == op)) {
      return one;
    }
  }
}

unsigned WebSocketClient::closed() {
  while (const auto frame = next()) {
    if (frame->opcode == close) return frame->code();
  }
  return 0;
}

}  // namespace strandline::tests
