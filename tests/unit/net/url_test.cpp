#include "node/net/url.hpp"

#include <gtest/gtest.h>

namespace maillon::net {
namespace {

TEST(Url, TakesNamesAddressesPortsAndPrefixes) {
  const auto plain = Url::parse("ws://192.0.2.7:4242");
  ASSERT_TRUE(plain.has_value());
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->host, "192.0.2.7");
  EXPECT_EQ(plain->port, 4242);
  EXPECT_EQ(plain->prefix, "");
  EXPECT_EQ(plain->authority(), "192.0.2.7:4242");

  const auto secure = Url::parse("wss://coop.example.org/node/");
  ASSERT_TRUE(secure.has_value());
  EXPECT_TRUE(secure->tls);
  EXPECT_EQ(secure->port, 443);
  EXPECT_EQ(secure->prefix, "/node");
  EXPECT_EQ(secure->authority(), "coop.example.org");

  const auto v6 = Url::parse("ws://[2001:db8::7]:81");
  ASSERT_TRUE(v6.has_value());
  EXPECT_EQ(v6->host, "2001:db8::7");
  EXPECT_EQ(v6->authority(), "[2001:db8::7]:81");
}

TEST(Url, RefusesWhatCouldSmuggle) {
  for (const char* text :
       {"",           "ws://",       "http://a",    "ws://a:0",    "ws://a:65536",
        "ws://a:",    "ws://a:1x",   "ws://u@a",    "ws://a b",    "ws://a\r\nX: y",
        "ws://a/x y", "ws://a/\r\n", "ws://a/?q",   "ws://a/#f",   "ws://[::1",
        "ws://[abc]", "ws://[::1]x", "ws://[::1]:", "wss:///path", "ws://é.example"}) {
    const auto url = Url::parse(text);
    ASSERT_TRUE(url.has_error()) << text;
    EXPECT_EQ(url.error().code, Errc::usage);
    EXPECT_FALSE(url.error().fr.empty());
  }
  EXPECT_TRUE(Url::parse("ws://" + std::string(2000, 'a')).has_error());
}

}  // namespace
}  // namespace maillon::net
