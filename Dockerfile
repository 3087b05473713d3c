# A booth on a computer with Docker and no GPU:
#
#   docker build -t understudy .
#   docker run --init --network host -v understudy:/data understudy
#
# It prints the https:// address to open, with its token. What is captured stays in the volume `understudy`.
# Where --network host does not do (Docker Desktop), open the ports and name the computer's own address:
#
#   docker run --init -p 8420:8420 -p 40000-40100:40000-40100/udp -v understudy:/data understudy --announce ADDRESS
#
# The commands of run.py work too: docker run --rm -v understudy:/data understudy models list
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 understudy \
    && mkdir /data \
    && chown understudy:understudy /data

WORKDIR /opt/understudy
COPY constraints.txt requirements.txt requirements-capture.txt ./
RUN python -m pip install --no-cache-dir -c constraints.txt torch --index-url https://download.pytorch.org/whl/cpu \
    && python -m pip install --no-cache-dir -r requirements.txt

COPY . .

# Fetched and distilled networks lie beside the datasets, so that they are there after an update.
ENV UNDERSTUDY_HOST=0.0.0.0 \
    UNDERSTUDY_DATA=/data \
    UNDERSTUDY_UDP_PORTS=40000-40100 \
    UNDERSTUDY_MODELS=/data/models \
    UNDERSTUDY_NETWORKS=/data/networks \
    PYTHONUNBUFFERED=1

USER 1000
VOLUME /data
EXPOSE 8420 40000-40100/udp

# The certificate is the program's own, so it is not checked.
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import ssl, urllib.request; urllib.request.urlopen('https://127.0.0.1:8420/health', timeout=5, context=ssl._create_unverified_context())"]

ENTRYPOINT ["python", "run.py"]
