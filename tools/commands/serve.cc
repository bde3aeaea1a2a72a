// `strandline serve`: a log and a server over it, until a signal asks for the end.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

#include "engine/log.h"
#include "server/base/open_files.h"
#include "server/connection/binding.h"
#include "server/connection/exposure.h"
#include "server/connection/tls_context.h"
#include "server/http/quota_text.h"
#include "server/json/json_writer.h"
#include "server/server.h"
#include "server/wire/cloudevents.h"
#include "tools/base/account.h"
#include "tools/base/interrupt.h"
#include "tools/base/program.h"

namespace strandline::tools {
namespace {

constexpr char kServeExample[] =
    "  strandline serve --data ./data --listen 127.0.0.1:7070\n"
    "  strandline serve --listen '[::1]:7070' --segment-size 64MiB --idempotency-ttl 7d\n"
    "  strandline serve --listen 127.0.0.1:7443 --listen unix:/run/strandline.sock \\\n"
    "    --tls-cert server.pem --tls-key server.key\n"
    "  strandline serve --print-config > strandline.toml\n\n"
    "SIGTERM and SIGINT end it in order: no new appends, then what is under way, then the log is\n"
    "closed. SIGHUP opens the access log anew, and does nothing else.";

struct ServeFlags {
  bool print_config = false;
  bool accept_loss = false;
};

// A line that says a message as a JSON string needs it escaped, which spdlog's patterns do not do.
class JsonFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    using namespace std::chrono;
    const auto us = duration_cast<microseconds>(message.time.time_since_epoch()).count();
    const auto level = spdlog::level::to_string_view(message.level);
    std::string line = "{\"time\":\"" + render_time(Timestamp{us}) + "\",\"level\":\"";
    line.append(level.data(), level.size()).append("\",\"message\":");
    server::render_string(line, std::string_view(message.payload.data(), message.payload.size()));
    line += "}\n";
    out.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

void set_up_logging(const Settings& settings) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("strandline"));
  spdlog::set_level(spdlog::level::from_str(settings.text("serve", "log_level")));
  if (settings.truth("serve", "log_json")) {
    spdlog::set_formatter(std::make_unique<JsonFormatter>());
  } else {
    spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  }
}

// A part of a second counts as a whole one.
uint64_t seconds_of(const Settings& settings, const char* name) {
  const auto duration = settings.duration("serve", name);
  return static_cast<uint64_t>(std::chrono::ceil<std::chrono::seconds>(duration).count());
}

Options options_of(const Settings& settings, const ServeFlags& flags,
                   std::shared_ptr<std::atomic<bool>> opened) {
  Options options;
  options.accept_loss = flags.accept_loss;
  options.record_administration = settings.truth("serve", "record_administration");
  options.actor = account_here();
  options.create_streams_on_append = settings.truth("serve", "create_streams_on_append");
  options.batch_cache_bytes = settings.bytes("serve", "batch_cache_size");
  options.block_cache_bytes = settings.bytes("serve", "block_cache_size");
  options.segment_bytes_max = settings.bytes("serve", "segment_size");
  options.segment_age_max_s = seconds_of(settings, "segment_age");
  options.idempotency_ttl_s = seconds_of(settings, "idempotency_ttl");
  options.accepted_sync_interval_ms =
      static_cast<uint64_t>(settings.duration("serve", "accepted_sync_interval").count());
  options.disk_reserve_bytes = settings.bytes("serve", "disk_reserve");
  // What the store says while it opens is in the recovery report, or in the error.
  options.on_warning = [opened](const std::string& text) {
    spdlog::log(*opened ? spdlog::level::warn : spdlog::level::debug, "{}", text);
  };
  return options;
}

void report(const std::string& data, const RecoveryReport& recovery) {
  if (recovery.created) {
    spdlog::info("created a log in {}", data);
  } else {
    spdlog::info(
        "recovered {}: next sequence {}, {} WAL bytes replayed, {} torn bytes dropped, {} ms", data,
        recovery.durable_next.value, recovery.wal_bytes_replayed, recovery.torn_bytes_dropped,
        recovery.milliseconds);
  }
  if (!recovery.loss.empty()) spdlog::error("opened with loss: {}", recovery.loss);
}

// Nothing, where no certificate is named.
Result<std::unique_ptr<server::TlsContext>> open_tls(const Settings& settings) {
  server::TlsFiles files{.certificate = settings.text("serve", "tls_cert"),
                         .key = settings.text("serve", "tls_key"),
                         .client_ca = settings.text("serve", "tls_client_ca")};
  const std::string& use = settings.text("serve", "tls_client_use");
  files.require_certificates = use != "identify";
  files.identify_clients = use != "require";
  if (files.identify_clients && files.client_ca.empty()) {
    return fail(Code::invalid,
                "--tls-client-use needs --tls-client-ca FILE: who signs the clients' certificates");
  }
  if (files.certificate.empty() && files.key.empty() && files.client_ca.empty()) return nullptr;
  if (files.certificate.empty() || files.key.empty()) {
    return fail(Code::invalid,
                "TLS needs a certificate and its key: --tls-cert FILE and --tls-key FILE");
  }
  return server::TlsContext::open(std::move(files));
}

// For who renames the access log.
std::atomic<server::Server*> hung_up = nullptr;
void on_hang_up(int) {
  if (server::Server* server = hung_up) server->reopen_access_log();
}

Result<std::unique_ptr<server::TokenAuthority>> open_tokens(const Settings& settings) {
  const auto text = [&](const char* name) { return settings.text("serve", name); };
  return server::TokenAuthority::open(
      {.rules = {.issuer = text("jwt_issuer"),
                 .audience = text("jwt_audience"),
                 .grants_claim = text("jwt_grants_claim"),
                 .leeway = std::chrono::seconds(seconds_of(settings, "jwt_leeway"))},
       .keys = split_names(text("jwt_keys")),
       .secret_file = text("jwt_secret_file"),
       .ca = text("jwt_ca"),
       .refresh = settings.duration("serve", "jwt_refresh")});
}

int serve(const Settings& settings, const ServeFlags& flags) {
  if (flags.print_config) {
    std::cout << settings.render("serve");
    return kDone;
  }
  set_up_logging(settings);
  // A log line to a pipe that nobody reads any more must not end the server; nor must the end of
  // the terminal that it was started from.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, on_hang_up);
  // Secrets pass through the memory in many places: none of it is left in a file.
  if (!settings.truth("serve", "core_dumps")) ::prctl(PR_SET_DUMPABLE, 0);
  Interrupt::watch();

  // The addresses and the certificate first: where they cannot be had, no log is made or opened.
  auto tls = open_tls(settings);
  if (!tls) return failed(tls.error());
  auto tokens = open_tokens(settings);
  if (!tokens) return failed(tokens.error());
  const bool guarded = *tokens || (*tls && (*tls)->identifies_clients());
  auto bindings =
      server::Binding::open_all(split_names(settings.text("serve", "listen")), *tls != nullptr);
  if (!bindings) return failed(bindings.error());
  std::vector<std::string> urls;
  std::string open_to_others;
  for (const server::Binding& binding : *bindings) {
    urls.push_back(binding.url());
    if (!binding.on_loopback()) open_to_others = binding.address();
  }

  const size_t connections_max = settings.number("serve", "connections_max");
  const size_t connections = server::connections_that_fit(connections_max);
  if (connections < connections_max) {
    spdlog::warn("connections_max is {}, not {}: the hard limit of open files allows no more",
                 connections, connections_max);
  }
  const std::string& data = settings.text("serve", "data");
  const std::string& root_key_file = settings.text("serve", "root_key_file");
  // A log that is not there has no key: none is made to be refused.
  std::error_code unknown;
  if (!guarded && !open_to_others.empty() && root_key_file.empty() &&
      !settings.truth("serve", "insecure") &&
      !std::filesystem::exists(std::filesystem::path(data) / "FORMAT", unknown) && !unknown) {
    return failed(server::exposed(open_to_others));
  }
  auto opened = std::make_shared<std::atomic<bool>>(false);
  auto log = Log::open(data, options_of(settings, flags, opened));
  if (!log) return failed(log.error());
  *opened = true;
  report(data, (*log)->recovery());
  if (const auto refused = (*log)->appends_refused()) {
    spdlog::warn("appends are refused: {}", refused->message);
  }

  server::ServerOptions options;
  options.threads = static_cast<unsigned>(settings.number("serve", "threads"));
  options.history_threads = static_cast<unsigned>(settings.number("serve", "history_threads"));
  options.authorities = split_names(settings.text("serve", "authorities"));
  options.cors_origins = split_names(settings.text("serve", "cors_origins"));
  options.trusted_proxies = split_names(settings.text("serve", "trusted_proxies"));
  options.quota = *server::parse_quota(settings.text("serve", "quota"));
  options.wrong_secrets_max = settings.number("serve", "wrong_secrets_max");
  options.access_log = settings.text("serve", "access_log");
  options.connections_max = connections;
  options.insecure = settings.truth("serve", "insecure");
  if (!root_key_file.empty()) {
    if (auto put = server::put_root_key(**log, root_key_file); !put) return failed(put.error());
  }
  auto server = server::Server::start(**log, options, std::move(*bindings), std::move(*tls),
                                      std::move(*tokens));
  if (!server) return failed(server.error());
  hung_up = server->get();
  for (const std::string& url : urls) std::cout << "listening on " << url << std::endl;

  std::thread waiting([&] {
    Interrupt::wait();
    (*server)->drain();
  });
  (*server)->run();
  waiting.join();
  hung_up = nullptr;
  server->reset();
  (*log)->close();
  spdlog::info("closed");
  return kDone;
}

}  // namespace

void add_serve(Program& program) {
  auto flags = std::make_shared<ServeFlags>();
  CLI::App& command = program.add("serve", "Serve a log over HTTP", kServeExample);
  for (const SettingKey& key : Settings::keys()) {
    if (std::string_view(key.table) == "serve") program.add_setting_flag(command, key);
  }
  command.add_flag("--accept-loss", flags->accept_loss,
                   "open a log that lost its newest events; the recovery report says which");
  command.add_flag("--print-config", flags->print_config,
                   "print what is in force and where it came from, and exit");
  program.on_run(command, [flags, &program] { return serve(program.settings(), *flags); });
}

}  // namespace strandline::tools
