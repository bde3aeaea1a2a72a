// Looking inside a server.
#include "tools/connection/remote_log.h"

namespace strandline::tools {
namespace {

Result<std::string> told_by(Result<HttpAnswer> answer) {
  if (!answer) return std::unexpected(std::move(answer.error()));
  return std::move(answer->body);
}

}  // namespace

Result<std::string> RemoteLog::stats(const server::StatsOf& of) {
  Query query;
  if (!of.stream.empty()) {
    query.add("stream", of.stream);
  } else {
    query.add("prefix", of.prefix).add("after", of.after).add("limit", std::to_string(of.limit));
  }
  return told_by(exchange_.send({.target = "/v1/stats" + query.text()}));
}

Result<std::string> RemoteLog::inspect(const server::InspectionOf& of) {
  Query query;
  if (of.segment) {
    query.add("segment", std::to_string(*of.segment));
  } else if (!of.stream.empty()) {
    query.add("stream", of.stream).add("offset", std::to_string(of.offset));
  } else {
    query.add("family", of.family);
    if (of.key) {
      query.add("key", *of.key);
    } else {
      query.add("from", of.from).add("limit", std::to_string(of.limit));
    }
  }
  return told_by(exchange_.send({.target = "/v1/inspect" + query.text()}));
}

Result<std::string> RemoteLog::doctor(server::Patient) {
  return told_by(exchange_.send({.target = "/v1/doctor"}));
}

}  // namespace strandline::tools
