#!/bin/bash
# nginx with one process that serves the files of a folder: bash bench/peers/nginx.sh FOLDER. Everything it writes is in a
# folder of its own.
folder=$1
own=$(mktemp -d)
until port=$((20000 + RANDOM % 10000)) && ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
cat >"$own/nginx.conf" <<CONF
daemon off;
master_process off;
pid $own/pid;
error_log stderr error;
events { worker_connections 15000; }
http {
  include /etc/nginx/mime.types;
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_body_temp_path $own/body;
  proxy_temp_path $own/proxy;
  fastcgi_temp_path $own/fastcgi;
  uwsgi_temp_path $own/uwsgi;
  scgi_temp_path $own/scgi;
  server { listen 127.0.0.1:$port backlog=4096; root $folder; }
}
CONF
# The process that is measured must be nginx itself: somebody else says when it listens, and tidies up.
(
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.05; done
  rm -r "$own"
  echo "listening $port"
) &
exec nginx -e stderr -c "$own/nginx.conf"
