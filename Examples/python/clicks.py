import asyncio, json, sys, websockets

async def main(clicks):
    async with websockets.connect("ws://127.0.0.1:8181") as broker:
        await broker.send(json.dumps({"op": "pub", "id": 1, "topic": "clicks", "data": clicks}))
        answer = json.loads(await broker.recv())
        print(answer["data"] if answer["op"] == "ack" else answer["reason"])

asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
