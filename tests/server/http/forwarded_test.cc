// Whom a request comes from: proxies are believed where they are trusted, and nobody else is.
#include "server/http/forwarded.h"

#include <gtest/gtest.h>

namespace strandline::server {
namespace {

using Lines = std::vector<std::string>;

Client asked_by(const Lines& trusted, const std::string& peer, const Lines& lines) {
  std::string text = "GET / HTTP/1.1\r\nHost: log\r\n";
  for (const std::string& line : lines) text += line + "\r\n";
  text += "\r\n";
  const auto head = parse_head(text, {});
  EXPECT_TRUE(head) << head.error().detail;
  return TrustedProxies(trusted).client_of(peer, *head);
}
std::string address(const Lines& trusted, const std::string& peer, const Lines& lines) {
  return asked_by(trusted, peer, lines).address;
}

TEST(Forwarded, IsBelievedOnlyFromTrustedProxies) {
  const Lines said = {"X-Forwarded-For: 203.0.113.7"};
  EXPECT_EQ(address({}, "10.0.0.1", said), "10.0.0.1");
  EXPECT_EQ(address({"10.0.0.2"}, "10.0.0.1", said), "10.0.0.1");
  EXPECT_EQ(address({"10.0.0.1"}, "10.0.0.1", said), "203.0.113.7");
  EXPECT_EQ(address({"10.0.0.0/8"}, "10.200.0.1", said), "203.0.113.7");
  EXPECT_EQ(address({"10.0.0.0/9"}, "10.200.0.1", said), "10.200.0.1");
  EXPECT_EQ(address({"0.0.0.0/0"}, "2001:db8::1", said), "2001:db8::1");
  EXPECT_EQ(address({"fd00::/8"}, "fd12::1", said), "203.0.113.7");
  EXPECT_EQ(address({"unix"}, "unix", said), "203.0.113.7");
  EXPECT_EQ(address({"127.0.0.1"}, "unix", said), "unix");
  EXPECT_EQ(address({"unix"}, "127.0.0.1", said), "127.0.0.1");
}

TEST(Forwarded, TheRightmostUntrustedAddressIsTheClient) {
  const Lines trusted = {"10.0.0.0/8", "2001:db8:ff::/48"};
  const std::string peer = "10.0.0.1";
  EXPECT_EQ(address(trusted, peer, {"X-Forwarded-For: 1.1.1.1, 203.0.113.7"}), "203.0.113.7");
  EXPECT_EQ(address(trusted, peer,
                    {"X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 203.0.113.7, 10.3.3.3"}),
            "203.0.113.7");
  EXPECT_EQ(address(trusted, peer, {"X-Forwarded-For: 10.9.9.9, 10.3.3.3"}), "10.9.9.9");
  EXPECT_EQ(address(trusted, peer, {"X-Forwarded-For: nonsense\", 203.0.113.7"}), "203.0.113.7");
  EXPECT_EQ(address(trusted, peer, {"X-Forwarded-For: 203.0.113.7:4711"}), "203.0.113.7");
  EXPECT_EQ(address(trusted, peer, {"X-Forwarded-For: [2001:DB8::0:7]:4711"}), "2001:db8::7");
  EXPECT_EQ(address(trusted, peer, {"X-Forwarded-For: 2001:db8::7, 2001:db8:ff::1"}),
            "2001:db8::7");
  EXPECT_EQ(address(trusted, peer, {"X-Forwarded-For: ::ffff:203.0.113.7"}), "203.0.113.7");

  EXPECT_EQ(address(trusted, peer, {"Forwarded: for=1.1.1.1, for=203.0.113.7"}), "203.0.113.7");
  EXPECT_EQ(
      address(trusted, peer, {R"(Forwarded: For="[2001:db8::7]:80";proto=https;by=10.0.0.1)"}),
      "2001:db8::7");
  EXPECT_EQ(address(trusted, peer, {R"(Forwarded: for="1.1.1.1, for=203.0.113.7)"}), "203.0.113.7")
      << "what a client leaves open swallows what a proxy wrote";
  EXPECT_EQ(
      address(trusted, peer, {R"(Forwarded: for="1, 2";x="\"", for=203.0.113.7, for=10.1.1.1)"}),
      "203.0.113.7");
}

TEST(Forwarded, WhatDoesNotParseLeavesThePeersAddress) {
  const Lines trusted = {"10.0.0.1"};
  for (const char* line : {"X-Forwarded-For: nobody",
                           "X-Forwarded-For:",
                           "X-Forwarded-For: 203.0.113.7,",
                           "X-Forwarded-For: 203.0.113.7:",
                           "X-Forwarded-For: 203.0.113.7:99999",
                           "X-Forwarded-For: 203.0.113",
                           "X-Forwarded-For: [203.0.113.7]",
                           "X-Forwarded-For: [2001:db8::7",
                           "X-Forwarded-For: unknown",
                           "X-Forwarded-For: 0x7f.1",
                           "Forwarded: for",
                           "Forwarded: for=",
                           "Forwarded: for=_hidden",
                           "Forwarded: for=unknown",
                           "Forwarded: for=[2001:db8::7]",
                           "Forwarded: for=203.0.113.7;for=203.0.113.8",
                           "Forwarded: for=\"203.0.113.7\"x",
                           "Forwarded: for=\"203.0.113.7",
                           "Forwarded: proto=https",
                           "Forwarded: 203.0.113.7"}) {
    EXPECT_EQ(address(trusted, "10.0.0.1", {line}), "10.0.0.1") << line;
  }
  // A proxy that writes one of them hands on the other as the client sent it.
  EXPECT_EQ(
      address(trusted, "10.0.0.1", {"Forwarded: for=1.1.1.1", "X-Forwarded-For: 203.0.113.7"}),
      "10.0.0.1");
  EXPECT_EQ(
      address(trusted, "10.0.0.1", {"Forwarded: for=203.0.113.7", "X-Forwarded-For: 203.0.113.7"}),
      "203.0.113.7");
}

TEST(Forwarded, TheSchemeAndHostOutsideAreTheProxys) {
  const Lines trusted = {"10.0.0.1"};
  Client client =
      asked_by(trusted, "10.0.0.1",
               {"Forwarded: for=203.0.113.7;proto=HTTPS;host=\"log.example.org:8443\""});
  EXPECT_EQ(client.scheme, "https");
  EXPECT_EQ(client.authority, "log.example.org:8443");
  client = asked_by(trusted, "10.0.0.1",
                    {"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: ftp, https",
                     "X-Forwarded-Host: evil.example, 192.0.2.1"});
  EXPECT_EQ(client.scheme, "https");
  EXPECT_EQ(client.authority, "192.0.2.1");
  client =
      asked_by(trusted, "10.0.0.2", {"X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example"});
  EXPECT_EQ(client.scheme, "");
  EXPECT_EQ(client.authority, "");
  client = asked_by(trusted, "10.0.0.1",
                    {"X-Forwarded-Proto: gopher", "X-Forwarded-Host: evil example"});
  EXPECT_EQ(client.scheme, "");
  EXPECT_EQ(client.authority, "");
}

TEST(Forwarded, NamesOfProxiesAreAddressesAndNetworks) {
  for (const char* good : {"192.0.2.1", "10.0.0.0/8", "::1", "fd00::/8", "0.0.0.0/0", "unix"}) {
    EXPECT_EQ(TrustedProxies::fault_in(good), std::nullopt) << good;
  }
  for (const char* bad : {"", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::1/129",
                          "[::1]", "10.0.0.1:80", "10.0.0.0/-1", "unix:/x"}) {
    EXPECT_TRUE(TrustedProxies::fault_in(bad)) << bad;
  }
}

}  // namespace
}  // namespace strandline::server
